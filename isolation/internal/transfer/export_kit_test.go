package transfer_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
)

// sealed makes a whole export of a header and rows.
func sealed(header []string, rows ...string) string {
	text := strings.Join(header, "")
	for _, row := range rows {
		text += row + "\n"
	}
	return text + fmt.Sprintf("{\"rows\":%d,\"sha256\":\"%x\"}\n", len(rows),
		sha256.Sum256([]byte(text)))
}

// escaped is a text within a string of JSON.
func escaped(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted[1 : len(quoted)-1])
}
