// Package failpoint kills the process at a named instruction, so that a test can
// see what is left when it dies right there. Only a build with the tag failpoints
// has it; in all others [Hit] is empty.
package failpoint

// Variable is the environment variable that arms one failpoint: NAME, or NAME:N
// for the Nth time that it is hit.
const Variable = "AUDITFLOW_FAILPOINT"
