package sqltext

import "net/url"

// Marks are comments around the text of a sub-query that tell how it was decided. They begin with
// a nonce that no text from outside can know, and are taken out before the text is sent.
//
//	SELECT * FROM projects WHERE id IN (/*<nonce>s*/SELECT project_id FROM tasks/*<nonce>.*/)
//
// A pair of marks must fill its parentheses. A text that holds the nonce anywhere else is refused.

// SealedMark opens a sub-query that was decided by itself: nothing in it is proved or made.
func SealedMark(nonce string) string { return "/*" + nonce + "s*/" }

// OpenMark opens a sub-query that nobody has decided yet. It is read like any other text; only
// Plan.OpenMarks tells that it is there.
func OpenMark(nonce string) string { return "/*" + nonce + "o*/" }

// EndMark ends a sub-query of either kind.
func EndMark(nonce string) string { return "/*" + nonce + ".*/" }

// ErrorMark carries the error of a sub-query, which then becomes that of the statement: Read
// returns a Refusal with the reason Carried and this message.
func ErrorMark(nonce, message string) string {
	return "/*" + nonce + "e:" + url.QueryEscape(message) + "*/"
}
