// Package chart tests the Helm chart ("make test-chart"): renders it with the values in
// testdata, has each program read the configuration that comes out, and a real API server
// take the objects, its pods under the restricted level of Pod Security.
package chart
