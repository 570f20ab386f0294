// Maintenance proves that what time does to the trail is done right: it lives
// through ten years in a few minutes, and measures what maintenance costs those
// who write and read meanwhile.
package main
