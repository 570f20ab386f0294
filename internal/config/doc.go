// Package config reads the one strict YAML file a binary has: unknown and
// duplicate keys are refused, every fault is reported at once with its field
// and unit, and secrets may come from the environment instead.
package config
