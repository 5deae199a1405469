package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	gateway "github.com/envoyproxy/gateway"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// resource is one version of a custom resource: what its own definition says about it.
type resource struct {
	structural *schema.Structural
	validator  validation.SchemaValidator
}

// resources are those of Envoy Gateway, of the Gateway API and of Istio.
func resources() (map[string]*resource, error) {
	istio, err := definitionsOfIstio()
	if err != nil {
		return nil, err
	}
	known := map[string]*resource{}
	for _, text := range [][]byte{gateway.GatewayCRDs, istio} {
		documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
		for {
			var definition apiextensionsv1.CustomResourceDefinition
			err := documents.Decode(&definition)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, err
			}
			if definition.Kind != "CustomResourceDefinition" {
				continue
			}
			if err := learn(known, &definition); err != nil {
				return nil, fmt.Errorf("%s: %w", definition.Name, err)
			}
		}
	}
	return known, nil
}

// definitionsOfIstio are a file of its API's module, which is no package: the tool that fetches modules knows where it is.
func definitionsOfIstio() ([]byte, error) {
	told, err := exec.Command("go", "mod", "download", "-json", "istio.io/api").Output()
	if err != nil {
		return nil, fmt.Errorf("where is the module istio.io/api? %w", err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(told, &module); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(module.Dir, "kubernetes", "customresourcedefinitions.gen.yaml"))
}

func learn(known map[string]*resource, definition *apiextensionsv1.CustomResourceDefinition) error {
	for _, version := range definition.Spec.Versions {
		if version.Schema == nil {
			continue
		}
		var props apiextensions.JSONSchemaProps
		written := version.Schema.OpenAPIV3Schema
		if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(written, &props, nil); err != nil {
			return err
		}
		structural, err := schema.NewStructural(&props)
		if err != nil {
			return err
		}
		validator, _, err := validation.NewSchemaValidator(&props)
		if err != nil {
			return err
		}
		kind := definition.Spec.Group + "/" + version.Name + "/" + definition.Spec.Names.Kind
		known[kind] = &resource{structural, validator}
	}
	return nil
}

// mistakes are what an API server would say about an object.
func (r *resource) mistakes(object unstructured.Unstructured) []error {
	var mistakes []error
	options := schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	for _, path := range pruning.PruneWithOptions(object.DeepCopy().Object, r.structural, true, options) {
		mistakes = append(mistakes, fmt.Errorf("unknown field %s", path))
	}
	defaulting.Default(object.Object, r.structural)
	for _, mistake := range validation.ValidateCustomResource(nil, object.Object, r.validator) {
		mistakes = append(mistakes, mistake)
	}
	rules := cel.NewValidator(r.structural, true, celconfig.PerCallLimit)
	broken, _ := rules.Validate(context.Background(), nil, r.structural, object.Object, nil, celconfig.RuntimeCELCostBudget)
	for _, mistake := range broken {
		mistakes = append(mistakes, mistake)
	}
	return mistakes
}
