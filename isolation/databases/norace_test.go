//go:build !race

package databases_test

const raceDetector = false
