// Package routertest runs the middleware behind the routers that applications use, as they are. It
// is a module of its own, so that nobody who uses the middleware is given a router; it exports
// nothing.
package routertest
