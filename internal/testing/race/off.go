//go:build !race

package race

const slowness = 1
