package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/json"
)

// check reports every mistake in every object of the files.
func check(files []string) error {
	known, err := resources()
	if err != nil {
		return err
	}
	var mistakes []error
	objects := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
		for {
			document, err := documents.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			object, err := read(document)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			if object == nil {
				continue
			}
			objects++
			met := unstructured.Unstructured{Object: object}
			for _, mistake := range mistakesOf(known, met) {
				mistakes = append(mistakes, fmt.Errorf("%s: %s %s: %w", file, met.GetKind(), met.GetName(), mistake))
			}
		}
	}
	if err := errors.Join(mistakes...); err != nil {
		return err
	}
	if objects == 0 {
		return errors.New("there is nothing to check")
	}
	fmt.Printf("%d objects are good\n", objects)
	return nil
}

// read reads one document; what holds only comments is nil. Whole numbers stay whole: rules in CEL tell them apart.
func read(document []byte) (map[string]any, error) {
	text, err := yaml.ToJSON(document)
	if err != nil {
		return nil, err
	}
	var object map[string]any
	return object, json.UnmarshalCaseSensitivePreserveInts(text, &object)
}

func mistakesOf(known map[string]*resource, object unstructured.Unstructured) []error {
	kind := object.GetAPIVersion() + "/" + object.GetKind()
	if object.GetName() == "" {
		return []error{errors.New("it has no name")}
	}
	if resource, ok := known[kind]; ok {
		return resource.mistakes(object)
	}
	if example, ok := builtin[kind]; ok {
		return mistakesOfBuiltin(example, object)
	}
	return []error{fmt.Errorf("nobody here knows %s", kind)}
}
