package snippet

import (
	"net/http"

	"github.com/gormtenant/gormtenant/middleware"
	"github.com/gormtenant/gormtenant/tenants/store"
)

var (
	directory     *store.Store
	m             *middleware.Middleware
	mux           *http.ServeMux
	addr          string
	tenantOfToken func(*http.Request) (string, error)
	message       struct{ TenantID, Topic string } // of a queue
)
