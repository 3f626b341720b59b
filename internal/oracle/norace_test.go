//go:build !race

package oracle

const slowness = 1
