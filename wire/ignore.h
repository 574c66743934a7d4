/* wire/ignore.h - before a use of wire/messages.def that wants only some of its macros: the
 * others become nothing. */
#ifndef MSG
#define MSG(id, NAME, name, doc)
#endif
#ifndef STR
#define STR(field, max, doc)
#endif
#ifndef UINT
#define UINT(field, max, doc)
#endif
#ifndef INT
#define INT(field, min, max, doc)
#endif
#ifndef REAL
#define REAL(field, doc)
#endif
#ifndef BOOL
#define BOOL(field, doc)
#endif
#ifndef ENUM
#define ENUM(field, NAME, name, doc)
#endif
#ifndef BYTES
#define BYTES(field, max, doc)
#endif
#ifndef LIST
#define LIST(field, ITEM, item, max, doc)
#endif
#ifndef ONE
#define ONE(field, ITEM, item, doc)
#endif
#ifndef END
#define END(NAME, name)
#endif
