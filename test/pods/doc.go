// Package pods runs what Deployments describe as processes of this machine, which
// has no nodes: with the files that are mounted into their pods, the environment,
// and a token of their ServiceAccount, so that the cluster lets them do what it
// would let the pods do, and no more.
package pods
