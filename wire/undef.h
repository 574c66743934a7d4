/* wire/undef.h - ends one use of wire/messages.def. */
#undef MSG
#undef STR
#undef UINT
#undef INT
#undef REAL
#undef BOOL
#undef ENUM
#undef BYTES
#undef LIST
#undef ONE
#undef END
