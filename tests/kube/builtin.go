package main

import (
	"reflect"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/json"
)

// What has Go types instead of a schema.
var builtin = map[string]any{
	"v1/ConfigMap":                            core.ConfigMap{},
	"v1/Namespace":                            core.Namespace{},
	"v1/Secret":                               core.Secret{},
	"v1/Service":                              core.Service{},
	"v1/ServiceAccount":                       core.ServiceAccount{},
	"apps/v1/Deployment":                      apps.Deployment{},
	"autoscaling/v2/HorizontalPodAutoscaler":  autoscaling.HorizontalPodAutoscaler{},
	"networking.k8s.io/v1/NetworkPolicy":      networking.NetworkPolicy{},
	"policy/v1/PodDisruptionBudget":           policy.PodDisruptionBudget{},
	"monitoring.coreos.com/v1/ServiceMonitor": monitoring.ServiceMonitor{},
}

// mistakesOfBuiltin decodes an object strictly: an unknown field, a field twice and a wrong type are mistakes.
func mistakesOfBuiltin(example any, object unstructured.Unstructured) []error {
	text, err := object.MarshalJSON()
	if err != nil {
		return []error{err}
	}
	into := reflect.New(reflect.TypeOf(example)).Interface()
	strict, err := json.UnmarshalStrict(text, into)
	if err != nil {
		return []error{err}
	}
	return strict
}
