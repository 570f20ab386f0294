// Package terminal writes for people: tables that fit the screen, colours, bars,
// and text from elsewhere made harmless. It knows nothing of what it shows.
package terminal
