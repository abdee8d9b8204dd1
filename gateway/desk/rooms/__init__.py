"""Operations of several members: rooms, whose parts are one thread between each two members."""
