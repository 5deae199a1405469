//go:build modules

package main

// Only a file of this module is read: its definitions of custom resources.
import _ "istio.io/api/networking/v1alpha3"
