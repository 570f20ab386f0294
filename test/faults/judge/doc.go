// Package judge tells whether auditflow has kept its promise: nothing lost, nothing
// twice, nothing acknowledged that is not there.
//
// It shares no code with what it judges. What should be there it knows from the
// load's own ledger ([Books]) and from a watch of the API server with a client of
// its own ([Recorder]); what is there it reads with SQL of its own and, in the
// archive, with parquet-go and a reader of manifests of its own. Names of tables,
// columns, marks and files are written out here: they are what users were
// promised, and a release that changed them would have to be noticed.
package judge
