package snippets

// known are the imports that a fragment may leave out, by the name that it uses.
var known = map[string]string{
	"context":  `"context"`,
	"sha256":   `"crypto/sha256"`,
	"driver":   `"database/sql/driver"`,
	"errors":   `"errors"`,
	"fmt":      `"fmt"`,
	"http":     `"net/http"`,
	"log":      `"log"`,
	"netip":    `"net/netip"`,
	"os":       `"os"`,
	"slog":     `"log/slog"`,
	"sql":      `"database/sql"`,
	"strings":  `"strings"`,
	"testing":  `"testing"`,
	"time":     `"time"`,
	"clause":   `"gorm.io/gorm/clause"`,
	"gorm":     `"gorm.io/gorm"`,
	"logger":   `"gorm.io/gorm/logger"`,
	"pgx":      `"github.com/jackc/pgx/v5"`,
	"mysql":    `"gorm.io/driver/mysql"`,
	"postgres": `"gorm.io/driver/postgres"`,
	"require":  `"github.com/stretchr/testify/require"`,
	"sqlite":   `"github.com/glebarez/sqlite"`,
	"stdlib":   `"github.com/jackc/pgx/v5/stdlib"`,
	"uuid":     `"github.com/google/uuid"`,

	"adopt":        module("adopt"),
	"credentials":  module("isolation/databases/credentials"),
	"databases":    module("isolation/databases"),
	"distribute":   module("isolation/distribute"),
	"gormtenant":   `"` + Module + `"`,
	"isolation":    module("isolation"),
	"middleware":   module("middleware"),
	"migrations":   module("isolation/migrations"),
	"models":       module("models"),
	"observe":      module("plugin/observe"),
	"provision":    module("isolation/databases/provision"),
	"quota":        module("tenants/quota"),
	"resolve":      module("tenants/resolve"),
	"rls":          module("isolation/rls"),
	"schemas":      module("isolation/schemas"),
	"scopes":       module("scopes"),
	"store":        module("tenants/store"),
	"tenantplugin": `tenantplugin ` + module("plugin"),
	"tenants":      module("tenants"),
	"tenanttest":   module("tenanttest"),

	"connecttenant": module("middleware/connecttenant"),
	"grpctenant":    module("middleware/grpctenant"),

	"chi":        `"github.com/go-chi/chi/v5"`,
	"connect":    `"connectrpc.com/connect"`,
	"echo":       `"github.com/labstack/echo/v4"`,
	"emptypb":    `"google.golang.org/protobuf/types/known/emptypb"`,
	"gin":        `"github.com/gin-gonic/gin"`,
	"gorilla":    `gorilla "github.com/gorilla/mux"`,
	"grpc":       `"google.golang.org/grpc"`,
	"wrapperspb": `"google.golang.org/protobuf/types/known/wrapperspb"`,
}

// Module is the path of this module.
const Module = "github.com/gormtenant/gormtenant"

func module(path string) string { return `"` + Module + "/" + path + `"` }
