// Kube checks manifests as an API server would, and renders charts as Helm does, without either.
//
//	kube check FILE…            unknown fields, types, enums, CEL rules; one line per mistake
//	kube template CHART FILE…   what `helm template` prints for these values
//
// The schemas are those of the projects themselves, in the versions of go.mod.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "kube check FILE… | kube template CHART [FILE…]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(command string, args []string) error {
	switch command {
	case "check":
		return check(args)
	case "template":
		rendered, err := template(args[0], args[1:])
		fmt.Print(rendered)
		return err
	default:
		return fmt.Errorf("`%s` is neither check nor template", command)
	}
}
