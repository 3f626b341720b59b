package service_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// browser is a headless Chromium, spoken to by the WebDriver protocol
// (https://www.w3.org/TR/webdriver2): JSON over HTTP, to a chromedriver that the test starts.
type browser struct {
	t       *testing.T
	session string // URL
}

// awaitTimeout is when something that must happen on the page counts as not happening.
const awaitTimeout = 2 * time.Minute

// newBrowser starts chromedriver on a free port, and a browser with a profile of its own. Both end
// with the test.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: the page of the demonstration is not tested in a browser: run without " +
			"-short")
	}
	const install = "the page of the demonstration is tested in a browser: run make setup, " +
		"or test with -short"
	driver, err := exec.LookPath("chromedriver")
	require.NoError(t, err, install)
	chromium, err := lookPath("chromium", "chromium-browser", "google-chrome", chromeOnMac)
	require.NoError(t, err, install)

	profile, err := os.MkdirTemp("", "gormtenant-chromium-") //nolint:usetesting // see below
	require.NoError(t, err)
	// In which the last process of the browser may still write.
	t.Cleanup(func() { _ = os.RemoveAll(profile) })
	command := exec.CommandContext(context.Background(), driver, "--port=0")
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait() // says that it was killed
	})
	started := regexp.MustCompile(`started successfully on port (\d+)`)
	b := &browser{t: t}
	lines := bufio.NewScanner(out)
	for b.session == "" && lines.Scan() {
		if found := started.FindStringSubmatch(lines.Text()); found != nil {
			b.session = "http://127.0.0.1:" + found[1] + "/session"
		}
	}
	require.NotEmpty(t, b.session, "chromedriver has not started")
	go func() {
		for lines.Scan() { // or else it waits for somebody who reads
		}
	}()

	var session struct{ SessionID string }
	b.call(http.MethodPost, "",
		map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
			"goog:loggingPrefs": map[string]string{"browser": "ALL"},
			"goog:chromeOptions": map[string]any{"binary": chromium, "args": []string{
				"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
				"--no-first-run",
				"--disable-dev-shm-usage",
				"--disable-background-networking", "--disable-component-update", "--disable-sync",
				"--window-size=1280,1500",
				"--user-data-dir=" + profile,
			}},
		}}}, &session)
	b.session += "/" + session.SessionID
	b.call(http.MethodPost, "/timeouts",
		map[string]any{"script": 2 * awaitTimeout.Milliseconds()}, nil)
	t.Cleanup(func() { b.call(http.MethodDelete, "", nil, nil) })
	return b
}

const chromeOnMac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"

func lookPath(names ...string) (path string, err error) {
	for _, name := range names {
		if path, err = exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", err
}

// call makes one call of the protocol.
func (b *browser) call(method, path string, body, result any) {
	b.t.Helper()
	encoded, err := json.Marshal(body)
	require.NoError(b.t, err)
	if method != http.MethodPost {
		encoded = nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, b.session+path, bytes.NewReader(encoded))
	require.NoError(b.t, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(b.t, err)
	defer func() { _ = response.Body.Close() }()
	var answer struct{ Value json.RawMessage }
	require.NoError(b.t, json.NewDecoder(response.Body).Decode(&answer))
	require.Equal(b.t, http.StatusOK, response.StatusCode, "%s %s: %s", method, path, answer.Value)
	if result != nil {
		require.NoError(b.t, json.Unmarshal(answer.Value, result))
	}
}

func (b *browser) open(url string) {
	b.t.Helper()
	b.call(http.MethodPost, "/url", map[string]string{"url": url}, nil)
}

// click presses what the CSS selector finds, as a mouse does.
func (b *browser) click(selector string) {
	b.t.Helper()
	var element map[string]string
	b.call(http.MethodPost, "/element",
		map[string]string{"using": "css selector", "value": selector}, &element)
	for _, id := range element {
		b.call(http.MethodPost, "/element/"+id+"/click", map[string]any{}, nil)
	}
}

// run runs a function's body in the page and puts what it returns into *result.
func (b *browser) run(result any, script string) {
	b.t.Helper()
	b.call(http.MethodPost, "/execute/sync",
		map[string]any{"script": script, "args": []any{}}, result)
}

// await waits until an expression of the page is true: it is evaluated after each change of the
// page.
func (b *browser) await(expression string, args ...any) {
	b.t.Helper()
	const script = `const [args, done] = arguments;
		const holds = function () { return Boolean(%s) };
		const observer = new MutationObserver(() => check());
		const check = () => {
			if (!holds.apply(null, args)) return;
			observer.disconnect();
			done("");
		};
		observer.observe(document, {
			subtree: true, childList: true, attributes: true, characterData: true,
		});
		setTimeout(() => done("The page: " + document.body.innerText), %d);
		check();`
	var page string
	body := map[string]any{
		"script": fmt.Sprintf(script, expression, awaitTimeout.Milliseconds()),
		"args":   []any{append([]any{}, args...)},
	}
	b.call(http.MethodPost, "/execute/async", body, &page)
	require.Empty(b.t, page, "never became true: %s", expression)
}

// screenshot returns what is to be seen, as PNG.
func (b *browser) screenshot() []byte {
	b.t.Helper()
	var encoded string
	b.call(http.MethodGet, "/screenshot", nil, &encoded)
	png, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(b.t, err)
	return png
}

// console returns what the browser has complained of.
func (b *browser) console() (messages []string) {
	b.t.Helper()
	var entries []struct{ Message string }
	b.call(http.MethodPost, "/se/log", map[string]string{"type": "browser"}, &entries)
	for _, entry := range entries {
		messages = append(messages, entry.Message)
	}
	return messages
}
