package snippets

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// foreign are the commands of shell blocks that are not this repository's.
var foreign = map[string]bool{
	"apt-get": true, "curl": true, "docker": true, "export": true, "git": true, "psql": true,
	"sed": true, "sudo": true,
}

// Commands returns what is wrong with the commands of a shell block: a target of make, a path or
// a test that the repository under root does not have, or a command that nobody knows.
func Commands(root, block string) (problems []string) {
	targets := makeTargets(root)
	block = strings.ReplaceAll(block, "\\\n", " ")
	for line := range strings.Lines(block) {
		line, _, _ = strings.Cut(" "+line, " #")
		line = substitution.ReplaceAllString(line, " ")
		for part := range strings.SplitSeq(quoted.ReplaceAllString(line, "''"), "|") {
			if problem := command(root, targets, strings.Fields(part)); problem != "" {
				problems = append(problems, problem)
			}
		}
	}
	return problems
}

var (
	quoted     = regexp.MustCompile(`(?s)'[^']*'|"[^"]*"`)
	assignment = regexp.MustCompile(`^[A-Z_]+=\S*$`)
	// A substitution, TOKEN=$(curl ...), holds a command of its own.
	substitution = regexp.MustCompile(`\$\(|\)`)
	target       = regexp.MustCompile(`(?m)^([a-z]+):`)
)

// makeTargets returns the targets of the Makefile.
func makeTargets(root string) map[string]bool {
	targets := map[string]bool{}
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		return targets
	}
	for _, match := range target.FindAllSubmatch(text, -1) {
		targets[string(match[1])] = true
	}
	return targets
}

// Make returns the targets of make that a text names in code and the repository does not have.
func Make(root, text string) (problems []string) {
	targets := makeTargets(root)
	for _, match := range inlineMake.FindAllStringSubmatch(text, -1) {
		if !targets[match[1]] {
			problems = append(problems, fmt.Sprintf("make %s: no such target", match[1]))
		}
	}
	return problems
}

var inlineMake = regexp.MustCompile("`make ([a-z]+)[^`]*`")

// command returns what is wrong with one command, "" for nothing.
func command(root string, targets map[string]bool, words []string) string {
	for len(words) > 0 && assignment.MatchString(words[0]) {
		words = words[1:]
	}
	if len(words) == 0 || strings.HasPrefix(words[0], "$") {
		return ""
	}
	switch name := words[0]; name {
	case "make":
		for _, word := range words[1:] {
			if !assignment.MatchString(word) && !targets[word] {
				return fmt.Sprintf("make %s: no such target", word)
			}
		}
		return ""
	case "go", "bash":
		return paths(root, words)
	default:
		if !foreign[name] {
			return fmt.Sprintf("%s: neither a command of this repository nor a known one", name)
		}
		return ""
	}
}

// paths returns which path of a command is not there.
func paths(root string, words []string) string {
	for _, word := range words[1:] {
		path, local := strings.CutPrefix(word, "./")
		if own, ok := strings.CutPrefix(word, Module); ok {
			path, _, _ = strings.Cut(strings.TrimPrefix(own, "/"), "@")
			local = true
		}
		if words[0] == "bash" && !strings.HasPrefix(word, "-") {
			local = true
		}
		if !local || strings.Contains(path, "...") {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, path)); err != nil {
			return fmt.Sprintf("%s: no such path", word)
		}
	}
	return ""
}
