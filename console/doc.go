// Package console is the web console: pages on which people search records, read
// what became of one execution, and see trends, partitions, archive and status.
//
// Pages are HTML rendered by the server, with SVG for plots, one style sheet and
// one small script; nothing is loaded from elsewhere and nothing stands inline, so
// that the Content-Security-Policy allows neither. Whoever may read through the API
// may read here, and nobody else: a [Guard] tells. Nothing here writes.
//
// It knows no database: a [Reader] answers its questions.
package console
