package snippets

import (
	"fmt"
	"strings"
)

// Block is one fenced block of code.
type Block struct {
	// File is the page's path below the root of the repository, and Line the one that the code
	// begins on.
	File string
	Line int
	// Language is what the fence says: go, sql, sh.
	Language string
	Text     string
	// Module is the folder of the module whose requirements the page's code needs, "" for the root.
	Module string
	// Preludes are the names in the comment in front of the block, or in the page's own.
	Preludes []string
	// Output is the block that a program has to print, if IsRun.
	Output string
	IsRun  bool
}

// String returns the place of the block, as compilers write it.
func (b Block) String() string { return fmt.Sprintf("%s:%d", b.File, b.Line) }

const fence = "```"

// Blocks returns the fenced blocks of a page.
func Blocks(file, page string) ([]Block, error) {
	var (
		blocks   []Block
		ofPage   []string // the preludes of the page
		module   string
		next     []string // those of the block that comes next
		named    bool     // whether next was given
		headed   bool     // whether a heading was seen
		isOutput bool
	)
	lines := strings.Split(page, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if names, ok := comment(line, "snippet:"); ok {
			if !headed {
				ofPage = strings.Fields(names)
			} else {
				next, named = strings.Fields(names), true
			}
			continue
		}
		if folder, ok := comment(line, "module:"); ok {
			module = folder
			continue
		}
		if _, ok := comment(line, "output"); ok {
			isOutput = true
			continue
		}
		if strings.HasPrefix(line, "#") {
			headed = true
		}
		if !strings.HasPrefix(line, fence) {
			continue
		}
		indent, _, _ := strings.Cut(lines[i], fence)
		block := Block{
			File:     file,
			Line:     i + 2,
			Language: strings.TrimPrefix(line, fence),
			Module:   module,
			Preludes: ofPage,
		}
		if named {
			block.Preludes = next
		}
		for i++; ; i++ {
			if i == len(lines) {
				return nil, fmt.Errorf("%s: the block is not closed", block)
			}
			if strings.TrimSpace(lines[i]) == fence {
				break
			}
			block.Text += strings.TrimPrefix(lines[i], indent) + "\n"
		}
		if isOutput {
			if len(blocks) == 0 {
				return nil, fmt.Errorf("%s: output of no program", block)
			}
			last := &blocks[len(blocks)-1]
			last.Output, last.IsRun = block.Text, true
		} else {
			blocks = append(blocks, block)
		}
		next, named, isOutput = nil, false, false
	}
	if named || isOutput {
		return nil, fmt.Errorf("%s: a comment names a snippet, and no block follows", file)
	}
	return blocks, nil
}

// comment returns what an HTML comment says behind a keyword.
func comment(line, keyword string) (rest string, ok bool) {
	text, ok := strings.CutPrefix(line, "<!--")
	if !ok {
		return "", false
	}
	text, ok = strings.CutSuffix(text, "-->")
	if !ok {
		return "", false
	}
	rest, ok = strings.CutPrefix(strings.TrimSpace(text), keyword)
	return strings.TrimSpace(rest), ok
}
