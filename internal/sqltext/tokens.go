package sqltext

import "strconv"

// longestText is how many bytes are read: positions are kept in 32 bits.
const longestText = 1 << 30

// tokens is a text, split by one reading, without its marks.
type tokens struct {
	reading

	text    string
	list    []token // The last ones are of the kind end.
	differs bool
	problem string
	params  params
}

// lookahead is how many tokens the reader may look at behind the end.
const lookahead = 8

// params says how the placeholders of a text look.
type params struct {
	first   int // How many arguments no ? stands for.
	plain   int // How many ? there are.
	highest int // The highest number of a placeholder that has one.
	named   bool
	sign    string // What stands in front of the number.
}

// split returns the tokens of a text in one reading.
func split(text string, r reading, o *Options) (*tokens, *Refusal) {
	t := &tokens{reading: r, text: text, params: params{first: o.First}}
	if len(text) > longestText {
		return nil, &Refusal{Reason: TooLarge, Detail: problemSize}
	}
	l := lexer{reading: r, text: text, nonce: o.Nonce}
	t.list = make([]token, 0, len(text)/3+lookahead+8)
	var room [32]int32
	opened := room[:0]
	for {
		marks := len(l.marks)
		next := l.next()
		at := int32(len(t.list)) //nolint:gosec // There are not more tokens than bytes.
		for i := marks; i < len(l.marks); i++ {
			l.marks[i].token = at
		}
		switch next.kind {
		case '(', '[':
			opened = append(opened, at)
		case ')', ']':
			if len(opened) == 0 || !pair(t.list[opened[len(opened)-1]].kind, next.kind) {
				t.problem = problemBrackets
				break
			}
			next.match = opened[len(opened)-1]
			t.list[next.match].match = at
			opened = opened[:len(opened)-1]
		case param:
			next.match = t.params.number(text[next.start:next.end])
		}
		t.list = append(t.list, next)
		if next.kind == end {
			break
		}
	}
	for range lookahead {
		t.list = append(t.list, t.list[len(t.list)-1])
	}
	if len(opened) > 0 {
		t.problem = problemBrackets
	}
	if l.problem != "" {
		t.problem = l.problem
	}
	t.differs = l.differs
	if o.Nonce == "" {
		return t, nil
	}
	return t, t.strip(l.marks, o.Nonce)
}

func pair(opening, closing kind) bool {
	return opening == '(' && closing == ')' || opening == '[' && closing == ']'
}

// close returns the parenthesis that closes the one at a token, or the token itself.
func (t *tokens) close(at int32) int32 { return max(at, t.list[at].match) }

// number counts a placeholder and returns the index of its argument, or -1 for one with a name.
func (p *params) number(text string) int32 {
	if text == "?" {
		p.plain++
		return int32(p.first + p.plain - 1) //nolint:gosec // Not more than bytes.
	}
	digits := len(text)
	for digits > 0 && isDigit(text[digits-1]) {
		digits--
	}
	n, err := strconv.Atoi(text[digits:])
	sign := text[:digits]
	known := sign == "?" || sign == "$" || sign == "@p" || sign == ":"
	if err != nil || n < 1 || n > 1<<20 || !known || p.sign != "" && p.sign != sign {
		p.named = true
		return -1
	}
	p.sign = sign
	p.highest = max(p.highest, n)
	return int32(n - 1)
}
