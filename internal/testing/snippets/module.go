package snippets

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Write writes a module to the directory dir that holds each block of Go in a package of its own,
// and that requires what the module in source requires, and this one, whose root is given. It
// returns the directories of the programs, below dir, by the place of their block.
func Write(
	dir, root, source, preludes string, blocks []Block,
) (programs map[string]string, err error) {
	if err := writeModule(dir, root, source); err != nil {
		return nil, err
	}
	programs = map[string]string{}
	var problems []error
	for i, block := range blocks {
		name := fmt.Sprintf("block%03d", i)
		if block.IsProgram() && strings.Contains(block.Text, "package main") {
			programs[block.String()] = name
		}
		problems = append(problems, writeBlock(filepath.Join(dir, name), preludes, block))
	}
	return programs, errors.Join(problems...)
}

// writeModule writes go.mod and go.sum. The module of the blocks is another one, so that they can
// use what users can, and nothing internal. Blocks about a nested module, in source, can use what
// this module requires besides.
func writeModule(dir, root, source string) error {
	lines, sums, err := readModule(source)
	if err != nil {
		return err
	}
	own := strings.TrimPrefix(lines[0], "module ")
	lines[0] = "module snippets"
	lines = slices.DeleteFunc(lines, func(line string) bool {
		return strings.Contains(line, Module+" ")
	})
	use := func(module, dir string) {
		lines = append(lines, "require "+module+" v0.0.0", "replace "+module+" => "+dir)
	}
	use(Module, root)
	if own != Module {
		use(own, source)
		more, moreSums, err := readModule(root)
		if err != nil {
			return err
		}
		has := strings.Join(lines, "\n")
		for _, line := range more {
			module, version, ok := strings.Cut(strings.TrimSpace(line), " ")
			if ok && strings.HasPrefix(version, "v") && !strings.Contains(has, module+" ") {
				lines = append(lines, "require "+module+" "+version)
			}
		}
		sums = append(sums, moreSums...)
	}
	lines = append(lines, "")
	text := []byte(strings.Join(lines, "\n"))
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), text, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600)
}

// readModule returns the lines of go.mod, and go.sum.
func readModule(dir string) (lines []string, sums []byte, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return nil, nil, err
	}
	sums, err = os.ReadFile(filepath.Join(dir, "go.sum"))
	return strings.Split(string(text), "\n"), sums, err
}

// writeBlock writes the package of one block.
func writeBlock(dir, preludes string, block Block) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var declared []string
	if !block.IsProgram() {
		for _, name := range block.Preludes {
			text, err := os.ReadFile(filepath.Join(preludes, name+".go"))
			if err != nil {
				return fmt.Errorf("%s: prelude %s: %w", block, name, err)
			}
			names, err := Declared(text)
			if err != nil {
				return fmt.Errorf("prelude %s: %w", name, err)
			}
			declared = append(declared, names...)
			if err := os.WriteFile(filepath.Join(dir, name+".go"), text, 0o600); err != nil {
				return err
			}
		}
	}
	text, err := block.GoFile(declared)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "block.go"), text, 0o600)
}
