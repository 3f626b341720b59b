// Package race tells tests whether they run under the race detector, which makes everything take
// about ten times as long and allocates by itself.
package race

// Slowness is how many times as long a program takes under the race detector: 1 without it.
const Slowness = slowness

// Enabled reports whether the race detector is on.
const Enabled = slowness > 1
