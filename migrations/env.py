"""What Alembic runs for each command: on the connection that it is given, in that connection's transaction."""

from alembic import context

from domain.schema import Base

connection = context.config.attributes.get("connection")


def main() -> None:
    if connection is None:  # a developer's `alembic revision --autogenerate`
        from bot.preparing import open_database
        from config.settings import load_settings

        with open_database(load_settings()).transaction() as db:
            run(db.connection())
    else:
        run(connection)


def run(connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=False,  # our own column types look different to each database and are the same
    )
    with context.begin_transaction():
        context.run_migrations()


main()
