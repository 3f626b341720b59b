package service

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mostBody is how long the body of a request may be, in bytes.
const mostBody = 64 << 10

// limitBody lets nobody send more than mostBody.
func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, mostBody)
		next.ServeHTTP(w, r)
	})
}

// decode reads the body of r into *in, strictly: a field that is not known, such as tenant_id, is
// an error, rather than something that the client believes to have been done.
func decode(r *http.Request, in any) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return newProblem(http.StatusUnsupportedMediaType,
			"The body has to be of the type application/json.")
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err = decoder.Decode(in)
	if err == nil {
		if err = decoder.Decode(&struct{}{}); errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.Join(errors.New("there is more than one value"), err)
	}
	if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
		return newProblem(http.StatusRequestEntityTooLarge,
			fmt.Sprintf("The body is longer than %d bytes.", tooLong.Limit))
	}
	return badRequest("The body is not what is expected: " + sayJSON(err) + ".")
}

// sayJSON tells what is wrong with a body in words that do not depend on Go's types.
func sayJSON(err error) string {
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType):
		return fmt.Sprintf("%q is not of the right type", wrongType.Field)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return strings.TrimPrefix(err.Error(), "json: ")
	case errors.Is(err, io.EOF):
		return "it is empty"
	}
	return "it is not one JSON object"
}

// pathID returns the ID in the path of r.
func pathID(r *http.Request) (uint, error) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, strconv.IntSize)
	if err != nil {
		return 0, badRequest("The ID in the path is not a positive number.")
	}
	return uint(id), checkID(uint(id))
}

// checkID returns an error unless the database can have such an ID: it counts from 1, and has a
// sign.
func checkID(id uint) error {
	if id == 0 || id > math.MaxInt {
		return badRequest("The ID is not one that anything could have.")
	}
	return nil
}

// checkText returns an error unless text can be the value of a field that people read.
func checkText(field, text string, most int) error {
	switch {
	case strings.TrimSpace(text) == "":
		return badRequest(fmt.Sprintf("%q must not be empty.", field))
	case utf8.RuneCountInString(text) > most:
		return badRequest(fmt.Sprintf("%q must not be longer than %d characters.", field, most))
	case !utf8.ValidString(text), strings.ContainsFunc(text, unicode.IsControl):
		return badRequest(fmt.Sprintf("%q must be text without control characters.", field))
	}
	return nil
}
