// Package fire posts records to the HTTP door as fast as it takes them, while the
// door and the worker behind it are killed, and keeps the books: what the door
// said it had must have exactly one row, whatever happened to it afterwards.
package fire
