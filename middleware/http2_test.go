package middleware_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/gormtenant/gormtenant/middleware"
)

// A request of HTTP/2 may have the header host beside the pseudo-header :authority. net/http takes
// the second for r.Host and leaves the first where it is.
func TestTwoHostsOverHTTP2(t *testing.T) {
	t.Parallel()
	m := newMiddleware(directory(), middleware.Subdomain("example.com"),
		middleware.AnyoneMayNameTheirTenant())
	server := httptest.NewUnstartedServer(m.Handler(whoami))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	for _, test := range []struct{ name, host, status string }{
		{"same", "acme.example.com", "200"},
		{"another", "globex.example.com", "400"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.status, statusOverHTTP2(t, server, [][2]string{
				{":method", http.MethodGet},
				{":scheme", "https"},
				{":path", "/"},
				{":authority", "acme.example.com"},
				{"host", test.host},
			}))
		})
	}
}

// statusOverHTTP2 sends a request of these header fields, and returns the status of the answer.
func statusOverHTTP2(t *testing.T, server *httptest.Server, fields [][2]string) string {
	t.Helper()
	config := server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.NextProtos = []string{http2.NextProtoTLS}
	conn, err := (&tls.Dialer{Config: config}).
		DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, http2.ClientPreface)
	require.NoError(t, err)

	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range fields {
		require.NoError(t, encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}))
	}
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	require.NoError(t, framer.WriteSettings())
	require.NoError(t, framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true,
	}))
	for {
		frame, err := framer.ReadFrame()
		require.NoError(t, err)
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			return frame.PseudoValue("status")
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			require.Fail(t, "the server gave up", "%v", frame)
		}
	}
}
