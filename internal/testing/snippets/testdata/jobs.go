package snippet

import (
	"context"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/tenants"
)

func sendInvoice(*gorm.DB, *tenants.Tenant) error { return nil }

func invoice(context.Context, *tenants.Tenant) error { return nil }
