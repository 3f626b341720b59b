package gormtenant

import "context"

func Unscoped(ctx context.Context, reason string) context.Context { return ctx }
