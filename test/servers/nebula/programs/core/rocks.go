package core

// #cgo LDFLAGS: -lrocksdb
// #include <rocksdb/c.h>
// #include <stdlib.h>
import "C"

import (
	"errors"
	"unsafe"
)

// DB is a real RocksDB database, through the system's librocksdb.
type DB struct {
	db      *C.rocksdb_t
	options *C.rocksdb_options_t
	write   *C.rocksdb_writeoptions_t
	read    *C.rocksdb_readoptions_t
}

// Op puts a key, or deletes it where Value is nil.
type Op struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value"`
}

func taken(message *C.char) error {
	if message == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(message))
	return errors.New(C.GoString(message))
}

func bytesOf(data []byte) (*C.char, C.size_t) {
	if len(data) == 0 {
		return (*C.char)(C.CBytes([]byte{0})), 0
	}
	return (*C.char)(C.CBytes(data)), C.size_t(len(data))
}

// OpenDB opens the database in a folder, or makes it.
func OpenDB(folder string) (*DB, error) {
	options := C.rocksdb_options_create()
	C.rocksdb_options_set_create_if_missing(options, 1)
	// Many databases on a small machine.
	C.rocksdb_options_set_write_buffer_size(options, 4<<20)
	C.rocksdb_options_set_max_background_jobs(options, 1)
	C.rocksdb_options_set_keep_log_file_num(options, 2)
	path := C.CString(folder)
	defer C.free(unsafe.Pointer(path))
	var message *C.char
	db := C.rocksdb_open(options, path, &message)
	if err := taken(message); err != nil {
		C.rocksdb_options_destroy(options)
		return nil, err
	}
	return &DB{db, options, C.rocksdb_writeoptions_create(), C.rocksdb_readoptions_create()}, nil
}

// Close flushes, and gives the folder's lock back.
func (d *DB) Close() {
	d.Flush()
	C.rocksdb_close(d.db)
	C.rocksdb_writeoptions_destroy(d.write)
	C.rocksdb_readoptions_destroy(d.read)
	C.rocksdb_options_destroy(d.options)
}

func (d *DB) Flush() error {
	options := C.rocksdb_flushoptions_create()
	defer C.rocksdb_flushoptions_destroy(options)
	C.rocksdb_flushoptions_set_wait(options, 1)
	var message *C.char
	C.rocksdb_flush(d.db, options, &message)
	return taken(message)
}

// Apply writes all or nothing.
func (d *DB) Apply(ops []Op) error {
	batch := C.rocksdb_writebatch_create()
	defer C.rocksdb_writebatch_destroy(batch)
	for _, op := range ops {
		key, keyLength := bytesOf(op.Key)
		if op.Value == nil {
			C.rocksdb_writebatch_delete(batch, key, keyLength)
		} else {
			value, valueLength := bytesOf(op.Value)
			C.rocksdb_writebatch_put(batch, key, keyLength, value, valueLength)
			C.free(unsafe.Pointer(value))
		}
		C.free(unsafe.Pointer(key))
	}
	var message *C.char
	C.rocksdb_write(d.db, d.write, batch, &message)
	return taken(message)
}

// Get gives nil where there is no such key.
func (d *DB) Get(key []byte) []byte {
	pointer, length := bytesOf(key)
	defer C.free(unsafe.Pointer(pointer))
	var valueLength C.size_t
	var message *C.char
	value := C.rocksdb_get(d.db, d.read, pointer, length, &valueLength, &message)
	if taken(message) != nil || value == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(value))
	return append([]byte{}, C.GoBytes(unsafe.Pointer(value), C.int(valueLength))...)
}

// Each calls for every key with the prefix, in order, until it is told to stop.
func (d *DB) Each(prefix []byte, visit func(key, value []byte) bool) {
	iterator := C.rocksdb_create_iterator(d.db, d.read)
	defer C.rocksdb_iter_destroy(iterator)
	pointer, length := bytesOf(prefix)
	defer C.free(unsafe.Pointer(pointer))
	for C.rocksdb_iter_seek(iterator, pointer, length); C.rocksdb_iter_valid(iterator) != 0; C.rocksdb_iter_next(iterator) {
		var keyLength, valueLength C.size_t
		key := C.rocksdb_iter_key(iterator, &keyLength)
		found := C.GoBytes(unsafe.Pointer(key), C.int(keyLength))
		if len(found) < len(prefix) || string(found[:len(prefix)]) != string(prefix) {
			return
		}
		value := C.rocksdb_iter_value(iterator, &valueLength)
		if !visit(found, C.GoBytes(unsafe.Pointer(value), C.int(valueLength))) {
			return
		}
	}
}

// Checkpoint makes a consistent copy in a new folder: tables are hard links, the memtable is flushed.
func (d *DB) Checkpoint(folder string) error {
	var message *C.char
	checkpoint := C.rocksdb_checkpoint_object_create(d.db, &message)
	if err := taken(message); err != nil {
		return err
	}
	defer C.rocksdb_checkpoint_object_destroy(checkpoint)
	path := C.CString(folder)
	defer C.free(unsafe.Pointer(path))
	C.rocksdb_checkpoint_create(checkpoint, path, 0, &message)
	return taken(message)
}

// WriteTable writes an SST of pairs that are in the order of their keys.
func WriteTable(file string, pairs []Op) error {
	options := C.rocksdb_options_create()
	defer C.rocksdb_options_destroy(options)
	environment := C.rocksdb_envoptions_create()
	defer C.rocksdb_envoptions_destroy(environment)
	writer := C.rocksdb_sstfilewriter_create(environment, options)
	defer C.rocksdb_sstfilewriter_destroy(writer)
	path := C.CString(file)
	defer C.free(unsafe.Pointer(path))
	var message *C.char
	C.rocksdb_sstfilewriter_open(writer, path, &message)
	if err := taken(message); err != nil {
		return err
	}
	for _, pair := range pairs {
		key, keyLength := bytesOf(pair.Key)
		value, valueLength := bytesOf(pair.Value)
		C.rocksdb_sstfilewriter_put(writer, key, keyLength, value, valueLength, &message)
		C.free(unsafe.Pointer(key))
		C.free(unsafe.Pointer(value))
		if err := taken(message); err != nil {
			return err
		}
	}
	C.rocksdb_sstfilewriter_finish(writer, &message)
	return taken(message)
}

// Ingest takes the tables of files over into the database; they win over what is there.
func (d *DB) Ingest(files []string) error {
	options := C.rocksdb_ingestexternalfileoptions_create()
	defer C.rocksdb_ingestexternalfileoptions_destroy(options)
	C.rocksdb_ingestexternalfileoptions_set_move_files(options, 0)
	paths := make([]*C.char, len(files))
	for index, file := range files {
		paths[index] = C.CString(file)
		defer C.free(unsafe.Pointer(paths[index]))
	}
	list := C.malloc(C.size_t(len(files)) * C.size_t(unsafe.Sizeof(uintptr(0))))
	defer C.free(list)
	copy(unsafe.Slice((**C.char)(list), len(files)), paths)
	var message *C.char
	C.rocksdb_ingest_external_file(d.db, (**C.char)(list), C.size_t(len(files)), options, &message)
	return taken(message)
}
