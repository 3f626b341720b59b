package service

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gormtenant/gormtenant/middleware"
	"github.com/gormtenant/gormtenant/tenants"
)

// Run is the command serve: it serves until ctx is done, finishes the requests that run then, and
// returns. args are the command's flags. It reads DATABASE_URL, TOKEN_SECRET and ADMIN_TOKEN by
// getenv (see [Config]), writes what people need to know to out, and the log to logs.
func Run(
	ctx context.Context, args []string, getenv func(string) string, out, logs io.Writer,
) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(logs)
	address := flags.String("addr", "localhost:8080", "the `address` to listen on")
	format := flags.String("log", "text", "the `format` of the log: text or json")
	demo := flags.Bool("demo", true, "make the tenants acme and globex, and serve a page that "+
		"attacks one as the other;\nit gives everybody tokens for these two")
	data := flags.String("data", "", "the `directory` that keeps SQLite's files; without it all "+
		"is gone at the end")
	place := map[string]tenants.Level{}
	flags.Func("place", "move a tenant of the demonstration, as in acme=database, to a level of "+
		"isolation: rows, schema\n(on Postgres) or database; may be given for both tenants",
		func(text string) error {
			slug, level, _ := strings.Cut(text, "=")
			if slug != acme && slug != globex {
				return fmt.Errorf("want %s or %s, and a level behind =", acme, globex)
			}
			place[slug] = tenants.Level(level)
			return tenants.Placement{Level: place[slug]}.Validate()
		})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("serve takes no argument but flags, got %q", flags.Arg(0))
	}
	log, err := newLog(logs, *format)
	if err != nil {
		return err
	}
	config := Config{
		DatabaseURL: getenv("DATABASE_URL"),
		Secret:      []byte(getenv("TOKEN_SECRET")),
		AdminToken:  getenv("ADMIN_TOKEN"),
		Demo:        *demo,
		Place:       place,
		DataDir:     *data,
		Log:         log,
	}
	server, err := New(ctx, config)
	if err != nil {
		return err
	}
	err = listen(ctx, server, *address, func(address net.Addr) {
		_, _ = fmt.Fprintf(out, "listening on http://%s, with %s\n", address, server.db.Name())
		switch {
		case config.DatabaseURL != "":
		case config.DataDir == "":
			_, _ = fmt.Fprintln(out, "all is gone when it ends: give -data DIR to keep it")
		default:
			_, _ = fmt.Fprintln(out, "kept in", config.DataDir)
		}
		if config.Demo {
			_, port, _ := net.SplitHostPort(address.String()) // as net wrote it
			_, _ = fmt.Fprintf(out, "two tenants to attack each other: http://%s/\n",
				net.JoinHostPort(baseDomain, port))
		}
		if config.AdminToken == "" {
			_, _ = fmt.Fprintf(out, "admin token: %s\n", server.AdminToken())
		}
	})
	return errors.Join(err, server.Close())
}

func newLog(w io.Writer, format string) (*slog.Logger, error) {
	switch format {
	case "text":
		return slog.New(middleware.LogHandler(slog.NewTextHandler(w, nil))), nil
	case "json":
		return slog.New(middleware.LogHandler(slog.NewJSONHandler(w, nil))), nil
	}
	return nil, fmt.Errorf("-log is %q, want text or json", format)
}

// shutdownTimeout is how long requests that run may take to finish when the server ends.
const shutdownTimeout = 10 * time.Second

// listen serves until ctx is done. It calls ready when it listens.
func listen(ctx context.Context, server *Server, address string, ready func(net.Addr)) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	web := &http.Server{
		Handler:           server,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(server.log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	ready(listener.Addr())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := web.Shutdown(ending); err != nil {
		return errors.Join(err, web.Close())
	}
	return nil
}
