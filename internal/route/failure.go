package route

import "context"

type failureKey struct{}

// withFailure returns a context in which every statement of a virtual connection fails with err:
// the only way to a *sql.Row that carries an error.
func withFailure(ctx context.Context, err error) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), failureKey{}, err)
}

func failureOf(ctx context.Context) error {
	err, _ := ctx.Value(failureKey{}).(error)
	return err
}
