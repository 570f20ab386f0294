// Package turn is what the processes of a benchmark tell each other: whoever
// measures gives an order, and a process that works carries it out and answers.
// So each process can be measured by itself, and whoever measures costs none of
// them anything.
//
// Both sides make their records of the same file, so that all work on the same.
package turn
