package snippets

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fenced  = regexp.MustCompile("(?ms)^\\s*```.*?^\\s*```")
	notSlug = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// Links returns the links of a page whose target is not in the repository under root: a file, or
// a heading in one.
func Links(root, file, page string) (problems []string) {
	for _, match := range link.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		target := match[1]
		if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
			continue
		}
		if problem := follow(root, file, page, target); problem != "" {
			problems = append(problems, fmt.Sprintf("%s: %s: %s", file, target, problem))
		}
	}
	return problems
}

// follow returns what is wrong with one link of a page, "" for nothing.
func follow(root, file, page, target string) string {
	path, fragment, _ := strings.Cut(target, "#")
	if path != "" {
		goal := filepath.Join(root, filepath.Dir(file), path)
		if _, err := os.Stat(goal); err != nil {
			return "no such file"
		}
		if fragment == "" {
			return ""
		}
		text, err := os.ReadFile(goal)
		if err != nil {
			return "no such heading"
		}
		page = string(text)
	}
	if !anchors(page)[fragment] {
		return "no such heading"
	}
	return ""
}

// anchors returns the anchors that GitHub makes of a page's headings.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		slug := notSlug.ReplaceAllString(strings.ToLower(strings.TrimSpace(match[1])), "")
		found[strings.ReplaceAll(slug, " ", "-")] = true
	}
	return found
}
