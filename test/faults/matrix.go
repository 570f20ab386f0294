package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
)

// matrix is every fault there is, by number.
func matrix() []fault {
	all := slices.Concat(processFaults(), postgresFaults(), networkFaults(), outageFaults(), serverFaults(), diskFaults(), archiveFaults(), inputFaults(), configFaults(), upgradeFaults(), clockFaults())
	slices.SortFunc(all, func(a, b fault) int { return a.number - b.number })
	for i := range all {
		if all[i].why == "" && all[i].small && os.Geteuid() != 0 {
			all[i].why = "cannot be injected: mounting a file system of its own needs root"
		}
	}
	return all
}

// choose are the faults of these numbers; all when there are none.
func choose(numbers []int, quick bool) (chosen []fault, err error) {
	all := matrix()
	for _, n := range numbers {
		if !slices.ContainsFunc(all, func(f fault) bool { return f.number == n }) {
			return nil, fmt.Errorf("there is no fault %d here: see \"list\"", n)
		}
	}
	for _, f := range all {
		named := slices.Contains(numbers, f.number)
		if named || len(numbers) == 0 && (!quick || f.quick || f.why != "") {
			chosen = append(chosen, f)
		}
	}
	return chosen, nil
}

// list prints the matrix.
func list(w io.Writer) {
	for _, f := range matrix() {
		fmt.Fprintf(w, "%2d  %s\n      expected: %s\n", f.number, f.name, f.expectation)
		if f.why != "" {
			fmt.Fprintf(w, "      %s\n", f.why)
			continue
		}
		fmt.Fprintf(w, "      injected: %s\n", f.injection)
	}
}

func installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
