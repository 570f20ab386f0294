// Package architecture holds the project to its rules about structure: who may
// import whom, what no binary links, how packages are named.
package architecture
