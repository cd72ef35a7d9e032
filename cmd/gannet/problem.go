package main

import (
	"fmt"
	"strings"
)

// A Problem is one thing wrong with the configuration.
type Problem struct {
	Where string // "gannet.yaml:3:5", "GANNET_LISTEN" or "--listen"; empty: the whole
	Text  string // what is wrong and, where it is known, what would be right
}

// Problems is everything wrong with the configuration, in the order of the file, then of
// the environment, then of the flags. It never holds a secret.
type Problems []Problem

// Error returns one line a problem, each beginning with the place.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Text
		if problem.Where != "" {
			lines[i] = problem.Where + ": " + problem.Text
		}
	}
	return strings.Join(lines, "\n")
}

func (p *Problems) add(where, format string, args ...any) {
	*p = append(*p, Problem{Where: where, Text: fmt.Sprintf(format, args...)})
}

// err returns p as an error, nil when nothing is wrong.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}
