package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// answer is what an endpoint says where all went well.
type answer struct {
	status int
	body   any // nil for none
}

func ok(body any) (answer, error)      { return answer{http.StatusOK, body}, nil }
func created(body any) (answer, error) { return answer{http.StatusCreated, body}, nil }
func done() (answer, error)            { return answer{status: http.StatusNoContent}, nil }

// endpoint is a handler that leaves it to serve to write.
type endpoint func(r *http.Request) (answer, error)

// problem is an answer where not all went well, as RFC 9457 has it.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Limit is the limit that was reached, with Max what is allowed.
	Limit string `json:"limit,omitempty"`
	Max   *int64 `json:"max,omitempty"`
	// retryAfter is when it may go better, 0 if nobody knows.
	retryAfter time.Duration
	// allow are the methods that there are, for 405.
	allow string
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s", p.Status, p.Detail) }

func newProblem(status int, detail string) *problem {
	p := &problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail,
	}
	if status == http.StatusServiceUnavailable {
		p.retryAfter = time.Second
	}
	return p
}

func badRequest(detail string) *problem { return newProblem(http.StatusBadRequest, detail) }

// serve makes a handler of an endpoint.
func (s *Server) serve(fn endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		got, err := s.call(fn, r)
		level, kind := slog.LevelInfo, "application/json"
		attributes := []slog.Attr{slog.String("method", r.Method), slog.String("path", r.URL.Path)}
		if err != nil {
			refused := problemOf(err)
			got, kind = answer{refused.Status, refused}, "application/problem+json"
			attributes = append(attributes, slog.Any("error", err))
			expected := errors.Is(err, context.Canceled) || isolation.IsMoving(err)
			if refused.Status >= http.StatusInternalServerError && !expected {
				level = slog.LevelError
			}
		}
		write(w, got, kind)
		attributes = append(attributes, slog.Int("status", got.status),
			slog.Duration("took", time.Since(began)))
		s.log.LogAttrs(r.Context(), level, "request", attributes...)
	})
}

// call calls fn, and turns a panic into an error.
func (s *Server) call(fn endpoint, r *http.Request) (got answer, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v\n%s", value, debug.Stack())
		}
	}()
	return fn(r)
}

func write(w http.ResponseWriter, got answer, kind string) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if got.body == nil {
		w.WriteHeader(got.status)
		return
	}
	body, err := json.Marshal(got.body)
	if err != nil { // never: the bodies are structs of text and numbers
		http.Error(w, http.StatusText(http.StatusInternalServerError),
			http.StatusInternalServerError)
		return
	}
	header.Set("Content-Type", kind)
	if p, ok := got.body.(*problem); ok && p.retryAfter > 0 { // RFC 9110, section 10.2.3
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retryAfter.Seconds()))))
	}
	if p, ok := got.body.(*problem); ok && p.allow != "" {
		header.Set("Allow", p.allow)
	}
	if got.status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", "Bearer") // RFC 9110, section 15.5.2
	}
	w.WriteHeader(got.status)
	_, _ = w.Write(append(body, '\n')) // a client that is gone needs no answer
}

// problemOf is what a client may know of an error. What belongs to another tenant is answered as
// what does not exist.
func problemOf(err error) *problem {
	var (
		known   *problem
		down    *databases.UnavailableError
		limit   *tenants.LimitError
		invalid *store.FieldError
	)
	switch {
	case errors.As(err, &known):
		return known
	case isolation.IsMoving(err):
		return newProblem(http.StatusServiceUnavailable,
			"The tenant is being moved. Nothing was written. Try again in a moment.")
	case errors.As(err, &down), errors.Is(err, databases.ErrBusy):
		return newProblem(http.StatusServiceUnavailable, "The tenant's database does not answer.")
	case errors.As(err, &limit):
		p := newProblem(http.StatusForbidden,
			fmt.Sprintf("The plan allows no more than %d %s.", limit.Limit, limit.Name))
		p.Type, p.Title = "https://pkg.go.dev/github.com/gormtenant/gormtenant/tenants#ErrLimit",
			"Limit reached"
		p.Limit, p.Max = limit.Name, &limit.Limit
		return p
	case errors.Is(err, gorm.ErrRecordNotFound), errors.Is(err, gormtenant.ErrOtherTenant):
		return newProblem(http.StatusNotFound, "There is nothing of that ID or name.")
	case errors.Is(err, gormtenant.ErrTenantChange):
		return newProblem(http.StatusForbidden, "")
	case errors.Is(err, gorm.ErrDuplicatedKey):
		return newProblem(http.StatusConflict, "There is one of that name already.")
	case errors.Is(err, gorm.ErrForeignKeyViolated):
		return newProblem(http.StatusConflict,
			"It was changed or deleted meanwhile, or is still used by something. Try again.")
	case errors.Is(err, store.ErrTaken) && errors.As(err, &invalid):
		return newProblem(http.StatusConflict, invalid.Field+": "+invalid.Problem)
	case errors.As(err, &invalid):
		return badRequest(invalid.Field + ": " + invalid.Problem)
	case errors.Is(err, tenants.ErrNotFound):
		return newProblem(http.StatusNotFound, "There is no such tenant.")
	case errors.Is(err, tenants.ErrClosed):
		return newProblem(http.StatusConflict, "The tenant is closed.")
	case errors.Is(err, store.ErrConflict):
		return newProblem(http.StatusConflict, "The tenant was changed meanwhile. Try again.")
	case errors.Is(err, gormtenant.ErrUnscopedDenied):
		return newProblem(http.StatusNotImplemented,
			"The role of DATABASE_URL can make none that may work across tenants.")
	}
	return newProblem(http.StatusInternalServerError, "")
}
