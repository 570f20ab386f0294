// Package e2e tests auditflow from outside: real servers, the real binaries as
// processes, and books of its own on what completed and what was persisted.
package e2e
