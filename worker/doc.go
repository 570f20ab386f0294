// Package worker puts workflows and activities on their task queues and drains
// them when asked to stop.
package worker
