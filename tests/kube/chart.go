package main

import (
	"sort"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

// template renders a chart with its own values and those of the files, the later ones counting more.
func template(folder string, files []string) (string, error) {
	chart, err := loader.Load(folder)
	if err != nil {
		return "", err
	}
	given := map[string]any{}
	for _, file := range files {
		values, err := chartutil.ReadValuesFile(file)
		if err != nil {
			return "", err
		}
		given = chartutil.CoalesceTables(values.AsMap(), given)
	}
	release := chartutil.ReleaseOptions{Name: "attache", Namespace: "attache", IsInstall: true, Revision: 1}
	capabilities := chartutil.DefaultCapabilities.Copy()
	// It checks the values against values.schema.json, too.
	values, err := chartutil.ToRenderValues(chart, given, release, capabilities)
	if err != nil {
		return "", err
	}
	rendered, err := engine.Render(chart, values)
	if err != nil {
		return "", err
	}
	names := make([]string, 0, len(rendered))
	for name := range rendered {
		names = append(names, name)
	}
	sort.Strings(names)
	var out strings.Builder
	for _, name := range names {
		if !strings.HasSuffix(name, ".yaml") || strings.TrimSpace(rendered[name]) == "" {
			continue
		}
		out.WriteString("---\n# " + name + "\n" + strings.TrimSpace(rendered[name]) + "\n")
	}
	return out.String(), nil
}
