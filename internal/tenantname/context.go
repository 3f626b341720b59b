package tenantname

import "context"

type schemaKey struct{}

// schemaOf is the schema of one tenant.
type schemaOf struct{ tenant, schema string }

// WithSchema returns a context in which the tenant whose ID is text has the schema of that name,
// whatever it would be named otherwise.
func WithSchema(ctx context.Context, text, name string) context.Context {
	return context.WithValue(ctx, schemaKey{}, &schemaOf{text, name})
}

// Schema returns what [WithSchema] said of that tenant; ok is false if it said nothing.
func Schema(ctx context.Context, text string) (name string, ok bool) {
	of, ok := ctx.Value(schemaKey{}).(*schemaOf)
	if !ok || of.tenant != text {
		return "", false
	}
	return of.schema, true
}
