package main

import "slices"

// nearest returns the candidate that a person most likely meant by word, or "" when none
// is near: at most two edits away, and at most a third of the word's letters.
func nearest(word string, candidates []string) string {
	best, bestDistance := "", 3
	for _, candidate := range candidates {
		allowed := max(1, min(len(word), len(candidate))/3)
		if d := distance(word, candidate); d <= allowed && d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// distance returns how many bytes must be inserted, removed, replaced, or swapped with
// their neighbour to turn a into b (optimal string alignment).
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := slices.Repeat([]int{i}, len(b)+1)
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
