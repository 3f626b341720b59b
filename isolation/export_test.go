package isolation

import "context"

// Pick finds the pool for a statement, as each statement does, and releases it again.
func (r *Router) Pick(ctx context.Context) error {
	picked, err := r.routes.Pick(ctx)
	if err == nil && picked.Hold != nil {
		picked.Hold.Release()
	}
	return err
}
