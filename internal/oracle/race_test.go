//go:build race

package oracle

// slowness is how many times as long a program takes under the race detector, which looks for other
// things than the law.
const slowness = 10
