package middleware

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
)

// log writes the one line of a request that is refused. It holds neither the query nor headers,
// which may hold secrets.
func (m *Middleware) log(r *http.Request, refused *Error) {
	logger := m.logger
	if logger == nil {
		logger = slog.Default()
	}
	logger.LogAttrs(r.Context(), level(r, refused), "gormtenant: request refused",
		slog.Int("status", refused.Problem.Status),
		slog.Any("error", refused.Err),
		slog.String("method", shorten(r.Method)),
		slog.String("host", shorten(r.Host)),
		slog.String("path", shorten(r.URL.Path)),
		slog.String("remote", shorten(r.RemoteAddr)),
	)
}

// level says who should look at the line: the operator if the directory fails, which it does not if
// the client went away, and who watches for attacks if a tenant was named that is not the client's.
func level(r *http.Request, refused *Error) slog.Level {
	switch {
	case errors.Is(refused.Err, ErrUnavailable):
		if errors.Is(r.Context().Err(), context.Canceled) {
			return slog.LevelInfo
		}
		return slog.LevelError
	case errors.Is(refused.Err, ErrDisagree), errors.Is(refused.Err, ErrNotAuthorized):
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// shorten cuts what the client sent to a length that does not fill the log, and to what is text.
func shorten(s string) string {
	const length = 256
	if len(s) > length {
		s = s[:length] + "..."
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
