package service

import (
	"net/http"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant/example/saas"
)

// addTag puts a tag on a project. One that has it already stays as it is.
func (s *Server) addTag(r *http.Request) (answer, error) {
	return s.withLabel(r, func(tx *gorm.DB, project *saas.Project, label string) error {
		// Another request may make the same tag at the same time.
		tag := saas.Tag{Label: label}
		if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&tag).Error; err != nil {
			return err
		}
		tag = saas.Tag{}
		if err := tx.First(&tag, "label = ?", label).Error; err != nil {
			return err
		}
		return tx.Model(project).Association("Tags").Append(&tag)
	})
}

// removeTag takes a tag off a project. One that has it not stays as it is.
func (s *Server) removeTag(r *http.Request) (answer, error) {
	return s.withLabel(r, func(tx *gorm.DB, project *saas.Project, label string) error {
		var found []saas.Tag
		if err := tx.Find(&found, "label = ?", label).Error; err != nil || len(found) == 0 {
			return err
		}
		return tx.Model(project).Association("Tags").Delete(&found[0])
	})
}

// withLabel calls fn with the project and the label that are in the path, in a transaction.
func (s *Server) withLabel(
	r *http.Request, fn func(tx *gorm.DB, project *saas.Project, label string) error,
) (answer, error) {
	id, err := pathID(r)
	if err != nil {
		return answer{}, err
	}
	label := r.PathValue("label")
	if err := checkText("label", label, 50); err != nil {
		return answer{}, err
	}
	err = s.db.WithContext(r.Context()).Transaction(func(tx *gorm.DB) error {
		var project saas.Project
		if err := tx.First(&project, "id = ?", id).Error; err != nil {
			return err
		}
		return fn(tx, &project, label)
	})
	if err != nil {
		return answer{}, err
	}
	return done()
}
